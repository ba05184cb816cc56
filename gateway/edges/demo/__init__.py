"""What the demo needs of the world: mails drawn by chance, certificates, processes, a screen."""
