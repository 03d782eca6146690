"""What the demo's page says, in English and in French."""

from __future__ import annotations

from typing import Any

TEXTS: dict[str, dict[str, Any]] = {
    "en": {
        "other": "fr",
        "other_name": "Français",
        "title": "consentgate demo",
        "intro": "Every page of this site tries to set five cookies. The gate in front of it "
        "decides which of them leave.",
        "unanswered": "You have not answered yet: only what is necessary leaves.",
        "accepted": "You accepted. You can take it back with one press, below.",
        "refused": "You refused advertising. You can change your mind at any time.",
        "tried": "What this page tried to set",
        "outcome": "Outcome",
        "category": "Category",
        "purpose": "Purpose",
        "left": "left",
        "stripped": "stripped",
        "categories": {name: name for name in ("necessary", "statistics", "marketing")},
        "undeclared": "undeclared",
        "nobody": "nobody says",
        "read": "What this site read of your browser’s cookies",
        "withheld": "This is all that the site could read. What you did not accept is withheld "
        "from it, and your browser is told to forget it.",
        "nothing": "Nothing.",
        "past": "Past the gate",
        "past_intro": "The gate stands where responses of this site leave. What a script sets, and "
        "what another site sets, does not come by there.",
        "by_script": "set by a script of this page, unasked",
        "script_gone": "This site does not read it, and with your next request your browser is "
        "told to forget it. Then the script sets it again.",
        "script_stays": "You accepted statistics: it stays, and this site reads it.",
        "by_partner": "set with an image from",
        "partner_absent": "The image is not loaded before you accept marketing: a site has to ask "
        "before it loads such a thing, for the gate does not reach its cookie.",
        "load_unasked": "Load it unasked, as careless sites do",
        "partner_unasked": "Loaded unasked. The gate does not reach this cookie: it is set by "
        "another site, in a response of its own.",
        "partner_accepted": "You accepted marketing, so the image is loaded. The gate does not "
        "reach its cookie: after a withdrawal the image is no longer loaded, but the cookie stays.",
        "told": "Scripts that want to know before they set one ask:",
    },
    "fr": {
        "other": "en",
        "other_name": "English",
        "title": "Démonstration de consentgate",
        "intro": "Chaque page de ce site essaie de déposer cinq cookies. Le portier placé devant "
        "lui décide lesquels passent.",
        "unanswered": "Vous n’avez pas encore répondu : seul le nécessaire passe.",
        "accepted": "Vous avez accepté. Un seul geste suffit pour revenir en arrière, plus bas.",
        "refused": "Vous avez refusé la publicité. Vous pouvez changer d’avis à tout moment.",
        "tried": "Ce que cette page a essayé de déposer",
        "outcome": "Résultat",
        "category": "Catégorie",
        "purpose": "Finalité",
        "left": "passé",
        "stripped": "retenu",
        "categories": {
            "necessary": "nécessaire",
            "statistics": "statistiques",
            "marketing": "publicité",
        },
        "undeclared": "non déclaré",
        "nobody": "personne ne le dit",
        "read": "Ce que ce site a lu des cookies de votre navigateur",
        "withheld": "C’est tout ce que le site a pu lire. Ce que vous n’avez pas accepté lui est "
        "caché, et votre navigateur est prié de l’oublier.",
        "nothing": "Rien.",
        "past": "À côté du portier",
        "past_intro": "Le portier se tient là où passent les réponses de ce site. Ce que dépose "
        "un script, ou un autre site, n’y passe pas.",
        "by_script": "déposé par un script de cette page, sans demander",
        "script_gone": "Ce site ne le lit pas, et à votre prochaine requête votre navigateur est "
        "prié de l’oublier. Puis le script le dépose de nouveau.",
        "script_stays": "Vous avez accepté les statistiques : il reste, et ce site le lit.",
        "by_partner": "déposé avec une image venant de",
        "partner_absent": "L’image n’est pas chargée avant que vous acceptiez la publicité : un "
        "site doit demander avant de charger cela, car le portier n’atteint pas son cookie.",
        "load_unasked": "La charger sans demander, comme les sites négligents",
        "partner_unasked": "Chargée sans demander. Le portier n’atteint pas ce cookie : un autre "
        "site le dépose, dans sa propre réponse.",
        "partner_accepted": "Vous avez accepté la publicité, l’image est donc chargée. Le portier "
        "n’atteint pas son cookie : après un retrait l’image n’est plus chargée, mais le cookie "
        "reste.",
        "told": "Un script qui veut savoir avant demande :",
    },
}
