"""The signs that a Message is judged by: what it says, what it carries, whose name it borrows.

Tables only, in the languages of our first members; each text is written as ``fold`` leaves it,
without marks but the dollar and the percent sign. The law: a sign says what anyone can check.
"""

from typing import Final, NamedTuple

# Files that run when they are opened; disk images that hide such files; documents with macros.
PROGRAMS: Final = frozenset(
    (
        "exe",
        "scr",
        "pif",
        "bat",
        "cmd",
        "js",
        "jse",
        "vbs",
        "vbe",
        "wsf",
        "wsh",
        "hta",
        "lnk",
        "ps1",
        "jar",
        "msi",
        "cpl",
        "dll",
        "chm",
        "xll",
        "apk",
        "reg",
        "appx",
        "msix",
        "scf",
        "application",
        "gadget",
        "inf",
    )
)
DISKS: Final = frozenset(("iso", "img", "vhd", "vhdx"))
MACROS: Final = frozenset(("docm", "dotm", "xlsm", "xltm", "xlsb", "pptm", "potm", "ppam"))
ARCHIVES: Final = frozenset(("zip", "rar", "7z", "gz", "tar", "ace", "arj", "cab", "r00", "lzh"))
DOCUMENTS: Final = frozenset(
    (
        "pdf",
        "doc",
        "docx",
        "xls",
        "xlsx",
        "ppt",
        "pptx",
        "txt",
        "rtf",
        "jpg",
        "jpeg",
        "png",
        "gif",
        "mp3",
        "mp4",
    )
)
PAGES: Final = frozenset(("htm", "html", "shtml", "xhtml", "svg"))


class Sign(NamedTuple):
    """What a mail does, said so that it follows "it"; and the folded texts that show it."""

    says: str
    stems: tuple[bytes, ...]


def _sign(says: str, stems: str) -> Sign:
    """A sign from texts parted by bars; a space at the end of one is the edge of a word."""
    return Sign(says, tuple(stem.encode() for stem in stems.split("|")))


class Brand(NamedTuple):
    """A name that is often borrowed, and the labels of the hosts that are truly its own."""

    name: bytes
    labels: tuple[str, ...]


MACRO_ASKED: Final = _sign(
    "asks to switch macros on",
    "enable content|enable macro|enable editing|activer le contenu|activer les macros|"
    "inhalt aktivieren|makros aktivieren|habilitar contenido|habilitar macros",
)
PASSWORD_TOLD: Final = _sign(
    "tells the password",
    "password is | archive password|file password|zip password|mot de passe est |"
    "passwort lautet|kennwort lautet|la contraseña es ",
)
ASKS: Final = (
    _sign(
        "asks to confirm an account",
        "verify your|confirm your|validate your|verify account|update your account|"
        "update your payment|update payment|update your billing|re activate your|"
        "restore access|vérifier votre|confirmez votre|confirmer votre|valider votre|"
        "mettre à jour vos|bestätigen sie ihr|verifizieren sie|daten bestätigen|"
        "konto bestätigen|konto zu bestätigen|aktualisieren sie ihre|verificar su|verifique su|"
        "confirme su|confirmar su|actualizar sus datos|verifique sua|atualize seus|regularize|"
        "bevestig uw",
    ),
    _sign(
        "threatens to close an account",
        "account suspended|account has been suspended|account will be|account has been locked|"
        "account has been limited|account is locked|account on hold|has been flagged|"
        "will be deactivated|will be deleted|will be blocked|compte sera|compte a été|"
        "compte est suspendu|compte bloqu|konto gesperrt|konto wurde|konto wird|"
        "zugang gesperrt|eingeschränkt|cuenta ha sido|cuenta será|cuenta suspendida|"
        "cuenta bloqueada|conta será|conta foi|em processo de suspens",
    ),
    _sign(
        "warns of a sign-in",
        "unusual sign|unusual activity|suspicious activity|suspicious sign|unauthorized access|"
        "unauthorised access|login attempt|sign in attempt|unusual login|data breach|"
        "connexion inhabituelle|activité inhabituelle|activité suspecte|"
        "ungewöhnliche anmeldung|ungewöhnliche aktivit|verdächtige aktivit|actividad inusual|"
        "actividad sospechosa",
    ),
    _sign(
        "speaks of a password or a full mailbox",
        "password expire|password will expire|password has expired|keep same password|"
        "keep current password|mailbox is full|mailbox is almost full|mailbox storage|"
        "storage is full|storage limit|mot de passe expire|boîte mail est pleine|"
        "passwort läuft|kennwort läuft|postfach ist voll|contraseña caduca|contraseña expira|"
        "buzón está lleno",
    ),
    _sign(
        "speaks of a payment that failed",
        "payment problem|payment failed|payment declined|payment was declined|"
        "could not process your payment|unable to process your payment|paiement refusé|"
        "paiement a échoué|zahlung fehlgeschlagen|zahlung konnte nicht|pago rechazado|"
        "pagamento recusado",
    ),
    _sign(
        "speaks of a parcel that waits",
        "package pending|pending delivery|pending for delivery|delivery attempt|"
        "delivery failed|schedule your delivery|parcel is waiting|package is waiting|"
        "shipping fee|customs fee|colis est en attente|colis en attente|votre colis|"
        "frais de livraison|paket wartet|ihr paket|zollgebühr|su paquete|paquete pendiente|"
        "gastos de aduana|opgeschort pakket",
    ),
)
BRANDS: Final = (
    Brand(
        b" microsoft", ("microsoft", "office", "outlook", "live", "office365", "microsoftonline")
    ),
    Brand(b" outlook ", ("microsoft", "office", "outlook", "live", "office365")),
    Brand(b" amazon", ("amazon", "amazonses", "amazonpay")),
    Brand(b" paypal", ("paypal", "paypalobjects", "paypal-communication")),
    Brand(b" apple ", ("apple", "icloud")),
    Brand(b" icloud", ("apple", "icloud")),
    Brand(b" google", ("google", "gmail", "youtube", "googlemail", "withgoogle")),
    Brand(b" facebook", ("facebook", "facebookmail", "meta")),
    Brand(b" instagram", ("instagram", "facebook", "facebookmail", "meta")),
    Brand(b" netflix", ("netflix",)),
    Brand(b" spotify", ("spotify",)),
    Brand(b" dhl ", ("dhl", "deutschepost")),
    Brand(b" fedex", ("fedex",)),
    Brand(b" ups ", ("ups",)),
    Brand(b" dpd ", ("dpd", "dpdgroup")),
    Brand(b" usps ", ("usps",)),
    Brand(b" la poste", ("laposte",)),
    Brand(b" colissimo", ("laposte", "colissimo")),
    Brand(b" correos", ("correos",)),
    Brand(b" docusign", ("docusign",)),
    Brand(b" dropbox", ("dropbox",)),
    Brand(b" coinbase", ("coinbase",)),
    Brand(b" binance", ("binance",)),
    Brand(b" metamask", ("metamask", "consensys")),
    Brand(b" ledger ", ("ledger",)),
    Brand(b" trezor", ("trezor", "satoshilabs")),
    Brand(b" sparkasse", ("sparkasse",)),
    Brand(b" volksbank", ("volksbank", "vr")),
    Brand(b" commerzbank", ("commerzbank",)),
    Brand(b" postbank", ("postbank", "db")),
    Brand(b" agricole", ("credit-agricole", "ca")),
    Brand(b" bnp paribas", ("bnpparibas", "bnp")),
    Brand(b" santander", ("santander",)),
    Brand(b" bbva ", ("bbva",)),
    Brand(b" bradesco", ("bradesco",)),
    Brand(b" itau ", ("itau",)),
    Brand(b" wells fargo", ("wellsfargo",)),
    Brand(b" hsbc ", ("hsbc",)),
)
WINDFALL: Final = (
    _sign(
        "an inheritance",
        "inherit|next of kin|héritage|erbschaft|herencia",
    ),
    _sign(
        "a dead client",
        "deceased|late husband|late client|verstorben|défunt|fallecido",
    ),
    _sign(
        "an illness",
        "cancer|terminally ill|dying|krebs",
    ),
    _sign(
        "a beneficiary",
        "beneficiar|bénéficiaire|begünstigt",
    ),
    _sign(
        "a lawyer",
        " barrister| attorney| solicitor| notary| notaire| rechtsanwalt",
    ),
    _sign(
        "a lottery",
        "lottery|loterie|lotterie|lotería|jackpot winner| lotto",
    ),
    _sign(
        "a donation",
        " donat| don de | spende| donaci| doação|charity",
    ),
    _sign(
        "a compensation",
        "compensation fund|your compensation|unclaimed|consignment|overdue payment",
    ),
    _sign(
        "an office of state",
        "united nations|central bank|ministry of finance| imf | fbi |diplomat",
    ),
    _sign(
        "a business proposal",
        "business proposal|mutual benefit|investment partner|proposition d affaires",
    ),
)
COMMON: Final = frozenset(("an illness", "a lawyer", "an office of state"))
"""What honest mail speaks of too; it counts only beside another sign of a windfall."""
FORTUNE: Final = _sign(
    "a great sum",
    "million dollar|million euro|million us|million united|million pound| million |"
    "millions d euros|millionen|millones| milhões| sum of |000 000|000 00 |la somme de",
)
SECRECY: Final = _sign(
    "asks for a private answer",
    "confidential|reply to|contact me|contact him|contact her|get back to me|your full name|"
    "your phone number|your telephone|bank account|urgent response|god bless|my private|"
    "contactez moi|confidentiel|vertraulich|kontaktieren sie mich|contácteme|confidencial",
)
TRADE: Final = (
    _sign(
        "gambling",
        " casino| betting|free spins|freispiele|tours gratuits|tiradas gratis| poker",
    ),
    _sign(
        "medicines",
        " viagra| cialis|pharmac|weight loss|lose weight| keto| cbd |abnehmen|minceur|adelgaza|"
        " prescription|supplement",
    ),
    _sign(
        "a loan",
        " loan| mortgage| refinanc| kredit| crédit | préstamo| credit score|lower your rate",
    ),
    _sign(
        "a prize",
        "gewinnspiel|verlosung|giveaway|you have won|have been selected|gift card|gutschein|"
        "bon d achat|sorteo|gewonnen|ausgewählt|hai vinto|geselecteerd|verloten|reward|"
        "free gift|tarjeta regalo|récompense|claim your|pontos",
    ),
    _sign(
        "a discount",
        " discount|% off| rabatt| remise| descuento|desconto| korting|limited time|"
        "special offer|sonderangebot|clearance|best price|lowest price|exclusive offer|"
        "offre spéciale|oferta|black friday|money back|geld zurück",
    ),
    _sign(
        "partners",
        " dating| sexy| sex | porn| xxx| girls| hot women|single women|singles| horny|"
        "rencontre| flirt| chat und date|afspreken",
    ),
    _sign(
        "easy money",
        "bitcoin|crypto|make money|earn money|extra income|work from home|work at home|"
        "financial freedom|passive income|geld verdienen|gagner de l argent|ganar dinero|"
        "opt in email|mlm|home based business",
    ),
    _sign(
        "insurance or warranty",
        " insurance| warranty| versicherung| assurance| seguro |plano de saúde|medicare",
    ),
    _sign(
        "goods",
        "buy now|order now|shop now|free shipping|jetzt kaufen|jetzt bestellen|commandez|"
        "compra ahora|kostenloser versand|add to cart|rolex| replica| software | toner|"
        "call now|toll free",
    ),
    _sign(
        "advertising",
        " seo |email marketing|bulk email|mailing list|website traffic|search engine|leads|"
        "web design",
    ),
)
WAY_OUT: Final = _sign(
    "offers a way off its list",
    "unsubscri|opt out|to be removed|remove me|stop receiving|désabonn|désinscri|abmelden|"
    "abbestellen|darse de baja|cancelar suscripci|cancelar su|descadastr|uitschrijven|afmelden|"
    "disiscri",
)
EVERY: Final = (*ASKS, *WINDFALL, *TRADE, MACRO_ASKED, PASSWORD_TOLD, FORTUNE, SECRECY, WAY_OUT)
"""Every sign that a text can show, so that one pass over the text finds them all."""
