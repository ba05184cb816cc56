"""A vocabulary for generated mail, in four languages: enough to say many different things.

Sentences are built from the tables by chance; every language has function words, set phrases that
all kinds of mail share, and greetings. Nothing is taken from real mail.
"""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Tongue:
    """One language: words by kind, patterns of sentences, and phrases that many mails share."""

    nouns: tuple[str, ...]
    verbs: tuple[str, ...]
    adjectives: tuple[str, ...]
    patterns: tuple[str, ...]
    phrases: tuple[str, ...]
    greetings: tuple[str, ...]
    closings: tuple[str, ...]
    foot: tuple[str, ...]
    legal: str


def _listed(words: str) -> tuple[str, ...]:
    return tuple(words.split())


TONGUES = {
    "en": Tongue(
        nouns=_listed(
            "parcel account invoice password garden prize passport bridge ticket insurance mailbox "
            "refund tax kitchen holiday loan medicine battery customs delivery harbour lesson "
            "contract mortgage voucher fund camera membership camp concert heating licence orchard "
            "payment quota recipe roof savings ship storage survey telephone transfer train "
            "vaccine warranty watch wallet wine workshop antenna bicycle boat carpet clinic "
            "currency diploma donation engine furniture heritage inheritance jewel lawyer"
        ),
        verbs=_listed(
            "confirm update renew cancel collect review verify release return order repair sign "
            "transfer unlock visit claim protect replace extend deliver choose prepare discover "
            "upgrade download share store open measure paint borrow inherit inspect compare"
        ),
        adjectives=_listed(
            "new final secure annual free unusual cheap pending green special local overdue "
            "private digital large missing northern generous expired valuable blue medical "
            "foreign quiet modern urgent ripe wooden certified electric"
        ),
        patterns=(
            "The {a} {n} of our {n} must {v} the {a} {n} before the end of the month.",
            "You can {v} your {n} and {v} the {n} with one {a} {n}.",
            "We could not {v} the {n} because the {a} {n} was not in the {n}.",
            "Please {v} the {n} below to {v} your {a} {n}.",
            "If you do not {v} this {n}, the {n} will lose its {a} {n}.",
            "Our {n} has found a {a} {n} in your {n}.",
            "Many people {v} a {n} each year without a {a} {n}.",
            "It takes only a few minutes to {v} the {a} {n}.",
            "A {a} {n} from the {n} waits for you at the {n}.",
            "Nobody will {v} your {n} while the {n} is {a}.",
            "With the {a} {n} you {v} every {n} at half the price.",
            "Tomorrow the {n} and the {n} will be {a} again.",
            "I wanted to ask whether you could {v} the {n} for my {a} {n}.",
            "They {v} the {n}, {v} the {n} and then the {a} {n} is yours.",
        ),
        phrases=(
            "Please do not reply to this message.",
            "Click the link below to continue.",
            "Thank you for your trust.",
            "This offer ends soon.",
        ),
        greetings=("Dear {name},", "Hello {name},", "Hi {name}!", "Good morning {name},"),
        closings=("Kind regards,", "Best wishes,", "Sincerely,"),
        foot=(
            "You received this message because you are subscribed to our list.",
            "Unsubscribe here or change your preferences.",
            "All rights reserved.",
            "View this message in your browser.",
        ),
        legal="This message and its attachments are meant only for the person to whom they are "
        "addressed. If you are not that person, you may not copy, forward or use any part of it. "
        "Please tell the sender at once and delete it from your system. Messages sent over the "
        "net can be changed, delayed or lost on their way, and neither the sender nor the firm "
        "takes any liability for damage that follows from it. The firm is entered in the register "
        "of companies under number {number}; its board of directors and its seat are named there. "
        "Opinions in this message are those of its author. Prices are given with all taxes, and "
        "are valid while stocks last. Pictures are examples and may differ from the goods.",
    ),
    "fr": Tongue(
        nouns=_listed(
            "colis compte dossier jardin cadeau passeport pont billet contrat courrier "
            "remboursement avion logement voyage salaire moteur chauffage permis verger paiement "
            "toit navire sondage virement train vaccin portefeuille vin atelier tapis bateau "
            "diplôme notaire bijou code service panier livre concert fichier outil placement "
            "forfait fournisseur emprunt terrain hôtel plat appareil"
        ),
        verbs=_listed(
            "confirmer renouveler annuler retirer vérifier débloquer rendre commander réparer "
            "signer transférer visiter réclamer protéger remplacer prolonger livrer choisir "
            "préparer découvrir télécharger partager ouvrir mesurer peindre comparer"
        ),
        adjectives=_listed(
            "nouveau dernier sûr annuel gratuit étrange vert spécial local privé numérique grand "
            "perdu généreux expiré précieux bleu médical étranger calme moderne urgent mûr"
        ),
        patterns=(
            "Le {n} {a} de notre {n} doit {v} le {n} avant la fin du mois.",
            "Vous pouvez {v} votre {n} et {v} le {n} avec un seul {n} {a}.",
            "Nous n'avons pas pu {v} le {n} parce que le {n} {a} manquait au {n}.",
            "Merci de {v} le {n} ci-dessous pour {v} votre {n} {a}.",
            "Sans {v} ce {n}, votre {n} perdra son {n} {a}.",
            "Notre {n} a trouvé un {n} {a} dans votre {n}.",
            "Il suffit de quelques minutes pour {v} le {n} {a}.",
            "Un {n} {a} du {n} vous attend au {n}.",
            "Je voulais savoir si tu pouvais {v} le {n} pour mon {n} {a}.",
            "Avec le {n} {a} vous allez {v} chaque {n} à moitié prix.",
            "Demain le {n} et le {n} seront de nouveau chez nous.",
        ),
        phrases=(
            "Merci de ne pas répondre à ce message.",
            "Cliquez sur le lien pour continuer.",
            "Nous vous remercions de votre confiance.",
        ),
        greetings=("Bonjour {name},", "Cher {name},", "Salut {name} !"),
        closings=("Cordialement,", "Bien à vous,", "Meilleures salutations,"),
        foot=(
            "Vous recevez ce message car vous êtes inscrit à notre liste.",
            "Pour ne plus recevoir nos messages, désabonnez-vous.",
            "Voir la version en ligne.",
        ),
        legal="Ce message et ses pièces jointes sont destinés à la seule personne à laquelle ils "
        "sont adressés. Si vous n'êtes pas cette personne, vous ne devez ni le copier ni le "
        "transmettre ni en utiliser une partie. Merci d'avertir l'expéditeur et de le détruire. "
        "Un message envoyé par le réseau peut être modifié ou perdu, et la société décline toute "
        "responsabilité. La société est inscrite au registre du commerce sous le numéro {number}. "
        "Les prix sont donnés toutes taxes comprises dans la limite des stocks disponibles, et "
        "les photographies ne sont pas contractuelles.",
    ),
    "de": Tongue(
        nouns=_listed(
            "Paket Konto Formular Passwort Gewinn Garten Ausweis Ticket Vertrag Postfach Kredit "
            "Urlaub Motor Dach Schiff Konzert Angebot Guthaben Depot Gutschein Auto Boot Erbe "
            "Zeugnis Teppich Werkzeug Rezept Haus Dokument Gerät Fahrrad Fenster Medikament "
            "Protokoll Fest Institut Lager Papier Siegel Zertifikat Darlehen Gepäck"
        ),
        verbs=_listed(
            "bestätigen verlängern kündigen abholen prüfen freigeben bestellen reparieren "
            "übertragen entsperren besuchen schützen ersetzen liefern wählen vorbereiten "
            "entdecken herunterladen teilen öffnen messen streichen vergleichen erben"
        ),
        adjectives=_listed(
            "neue letzte sichere jährliche freie seltsame grüne lokale private digitale große "
            "fehlende alte wertvolle blaue fremde ruhige moderne dringende reife"
        ),
        patterns=(
            "Das {a} {n} muss bis Monatsende das {n} {v}.",
            "Sie können Ihr {n} {v} und das {a} {n} mit einem {n} {v}.",
            "Wir konnten das {n} nicht {v}, weil das {a} {n} im {n} fehlte.",
            "Bitte {v} Sie unten das {n}, um Ihr {n} zu {v}.",
            "Wenn Sie das {n} nicht {v}, verliert Ihr {n} das {a} {n}.",
            "Unser {n} hat in Ihrem {n} das {a} {n} gefunden.",
            "Es dauert nur wenige Minuten, das {a} {n} zu {v}.",
            "Das {a} {n} wartet im {n} auf Sie.",
            "Ich wollte fragen, ob du das {n} für mein {n} {v} kannst.",
            "Mit dem {n} {v} Sie jedes {a} {n} zum halben Preis.",
            "Morgen sind das {n} und das {n} wieder da.",
        ),
        phrases=(
            "Bitte antworten Sie nicht auf diese Nachricht.",
            "Klicken Sie auf den Link, um fortzufahren.",
            "Vielen Dank für Ihr Vertrauen.",
        ),
        greetings=("Guten Tag {name},", "Hallo {name},", "Liebe/r {name},"),
        closings=("Mit freundlichen Grüßen", "Viele Grüße", "Herzlich"),
        foot=(
            "Sie erhalten diese Nachricht, weil Sie angemeldet sind.",
            "Hier können Sie sich abmelden.",
            "Im Browser ansehen.",
        ),
        legal="Diese Nachricht und ihre Anlagen sind nur für die Person bestimmt, an die sie "
        "gerichtet sind. Wenn Sie diese Person nicht sind, dürfen Sie nichts davon kopieren, "
        "weitergeben oder verwenden. Bitte benachrichtigen Sie den Absender und löschen Sie alles. "
        "Nachrichten im Netz können verändert werden oder verloren gehen, und die Firma haftet "
        "nicht für Schäden daraus. Die Firma steht im Handelsregister unter der Nummer {number}. "
        "Alle Preise verstehen sich mit Steuern, solange der Vorrat reicht; Abbildungen ähnlich.",
    ),
    "es": Tongue(
        nouns=_listed(
            "paquete pago correo premio jardín pasaporte puente billete seguro buzón reembolso "
            "viaje préstamo motor tejado barco concierto saldo fondo vale coche título tapiz "
            "libro aparato recibo tren taller vino contrato permiso archivo reloj"
        ),
        verbs=_listed(
            "confirmar renovar cancelar recoger revisar liberar pedir reparar firmar transferir "
            "visitar reclamar proteger cambiar ampliar entregar elegir preparar descubrir "
            "descargar compartir abrir medir pintar comparar"
        ),
        adjectives=_listed(
            "nuevo último seguro anual gratuito extraño verde local privado digital grande "
            "perdido generoso valioso azul médico extranjero tranquilo moderno urgente"
        ),
        patterns=(
            "El {n} {a} de nuestro {n} debe {v} el {n} antes de fin de mes.",
            "Usted puede {v} su {n} y {v} el {n} con un solo {n} {a}.",
            "No pudimos {v} el {n} porque el {n} {a} no estaba en el {n}.",
            "Le pedimos {v} el {n} de abajo para {v} su {n} {a}.",
            "Si no quiere {v} este {n}, su {n} perderá el {n} {a}.",
            "Nuestro {n} ha encontrado un {n} {a} en su {n}.",
            "Solo hacen falta unos minutos para {v} el {n} {a}.",
            "Un {n} {a} del {n} le espera en el {n}.",
            "Quería preguntarte si puedes {v} el {n} para mi {n} {a}.",
            "Mañana el {n} y el {n} estarán de nuevo en casa.",
        ),
        phrases=(
            "Por favor, no responda a este mensaje.",
            "Pulse el enlace para continuar.",
            "Gracias por su confianza.",
        ),
        greetings=("Hola {name},", "Estimado {name}:", "Buenos días, {name}:"),
        closings=("Atentamente,", "Un saludo,"),
        foot=(
            "Recibe este mensaje porque está en nuestra lista; puede darse de baja.",
            "Ver en su navegador.",
        ),
        legal="Este mensaje y sus anexos están destinados solo a la persona a la que se dirigen. "
        "Si usted no es esa persona, no puede copiarlo, reenviarlo ni usar parte alguna. Le "
        "rogamos que avise al remitente y que lo borre. Los mensajes de la red pueden cambiar o "
        "perderse, y la empresa no responde de los daños. La empresa consta en el registro con el "
        "número {number}. Los precios incluyen impuestos y valen hasta agotar existencias.",
    ),
}
FIRST = _listed(
    "Anna Bruno Clara Dario Elena Felix Greta Hugo Irene Jonas Karla Leo Marta Nils Olga Paul "
    "Rosa Sven Tilda Ugo Vera Willem Xenia Yann Zoe Amir Birgit Cesar Dunja Emil"
)
LAST = _listed(
    "Ahlberg Bertin Castro Dorn Eklund Fabre Gallo Hansen Ivanova Jansen Keller Lopes Meyer Noll "
    "Orsini Petit Quint Rossi Silva Thoma Urban Vidal Weiss Ximenes Young Zeller"
)
SYLLABLES = _listed(
    "bra cor del fin gal hol jet kin lum mor nav ost pel qui ran sol tar ulm ver win"
)


def sentence(dice: random.Random, tongue: Tongue, nouns: tuple[str, ...] | None = None) -> str:
    """A sentence; of ``nouns``, where a mail has a topic of its own."""
    said = dice.choice(tongue.patterns)
    while "{" in said:
        for mark, among in (
            ("{n}", nouns or tongue.nouns),
            ("{v}", tongue.verbs),
            ("{a}", tongue.adjectives),
        ):
            said = said.replace(mark, dice.choice(among), 1)
    return said


def person(dice: random.Random) -> tuple[str, str]:
    """A first and a last name."""
    return dice.choice(FIRST), dice.choice(LAST)


def invented(dice: random.Random, syllables: int = 3) -> str:
    """The name of a firm that does not exist."""
    return "".join(dice.choices(SYLLABLES, k=syllables)).capitalize()
