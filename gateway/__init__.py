"""Entente: national anti-spam associations working together across borders."""

__version__ = "0.1.0"
