"""What the demo's page says, in English and in French."""

from __future__ import annotations

from typing import Any

TEXTS: dict[str, dict[str, Any]] = {
    "en": {
        "other": "fr",
        "other_name": "Français",
        "title": "consentgate demo",
        "intro": "Every page of this site tries to set seven cookies, of all kinds and in three "
        "ways. The gate in front of it decides which of them get through.",
        "unanswered": "You have not answered yet: only what is necessary gets through.",
        "accepted": "You accepted marketing. You can take it back with one press, below: what this "
        "site set is gone at once; the partner keeps its own, and is not asked again.",
        "refused": "You refused advertising. You can change your mind at any time.",
        "tried": "What this page tried to set",
        "outcome": "Outcome",
        "kind": "Kind",
        "way": "How it comes",
        "purpose": "Purpose",
        "passes": {"header": "left", "script": "may be written", "partner": "may be loaded"},
        "stopped": {"header": "stripped", "script": "refused", "partner": "not loaded"},
        "kinds": {
            "necessary": "necessary",
            "statistics": "statistics",
            "first_party": "first-party, advertising",
            "third_party": "third-party",
            "undeclared": "undeclared",
        },
        "ways": {
            "header": "in a header of this page",
            "script": "by a script of this page",
            "partner": "from another site",
        },
        "nobody": "nobody says",
        "read": "What this site read of your browser’s cookies",
        "withheld": "This is all that the site could read. What you did not accept is withheld "
        "from it, and your browser is told to forget it.",
        "nothing": "Nothing.",
        "scripts": "A script that writes without asking",
        "script_writes": "A script of this page writes clicks_js. The guard, which is first in the "
        "page, holds it to your choice.",
        "script_refused": "It has just tried, and was refused.",
        "script_written": "It has just written it: you accepted statistics.",
        "told": "Scripts that want to know before they write ask:",
        "film": "A film of another site",
        "film_title": "A film of the sea",
        "film_asks": "The film comes from another site, which sets a cookie of its own. It is "
        "loaded if you allow it.",
        "load_unasked": "Load it unasked, as careless sites do",
        "film_careless": "This page did not ask. The gate told your browser from where it may "
        "load things: before you accept marketing the film is not even requested.",
    },
    "fr": {
        "other": "en",
        "other_name": "English",
        "title": "Démonstration de consentgate",
        "intro": "Chaque page de ce site essaie de déposer sept cookies, de toutes sortes et de "
        "trois façons. Le portier placé devant lui décide lesquels passent.",
        "unanswered": "Vous n’avez pas encore répondu : seul le nécessaire passe.",
        "accepted": "Vous avez accepté la publicité. Un seul geste suffit pour revenir en arrière, "
        "plus bas : ce que ce site a déposé disparaît aussitôt ; le partenaire garde le sien, et "
        "n’est plus sollicité.",
        "refused": "Vous avez refusé la publicité. Vous pouvez changer d’avis à tout moment.",
        "tried": "Ce que cette page a essayé de déposer",
        "outcome": "Résultat",
        "kind": "Sorte",
        "way": "Comment il arrive",
        "purpose": "Finalité",
        "passes": {"header": "passé", "script": "peut être écrit", "partner": "peut être chargé"},
        "stopped": {"header": "retenu", "script": "refusé", "partner": "non chargé"},
        "kinds": {
            "necessary": "nécessaire",
            "statistics": "statistiques",
            "first_party": "interne, publicité",
            "third_party": "tiers",
            "undeclared": "non déclaré",
        },
        "ways": {
            "header": "dans un en-tête de cette page",
            "script": "par un script de cette page",
            "partner": "depuis un autre site",
        },
        "nobody": "personne ne le dit",
        "read": "Ce que ce site a lu des cookies de votre navigateur",
        "withheld": "C’est tout ce que le site a pu lire. Ce que vous n’avez pas accepté lui est "
        "caché, et votre navigateur est prié de l’oublier.",
        "nothing": "Rien.",
        "scripts": "Un script qui écrit sans demander",
        "script_writes": "Un script de cette page écrit clicks_js. Le gardien, placé en tête de la "
        "page, le tient à votre choix.",
        "script_refused": "Il vient d’essayer, et a été refusé.",
        "script_written": "Il vient de l’écrire : vous avez accepté les statistiques.",
        "told": "Un script qui veut savoir avant d’écrire demande :",
        "film": "Un film d’un autre site",
        "film_title": "Un film de la mer",
        "film_asks": "Le film vient d’un autre site, qui dépose son propre cookie. Il est chargé "
        "si vous l’autorisez.",
        "load_unasked": "Le charger sans demander, comme les sites négligents",
        "film_careless": "Cette page n’a pas demandé. Le portier a dit à votre navigateur d’où il "
        "peut charger quelque chose : avant que vous acceptiez la publicité, le film n’est même "
        "pas demandé.",
    },
}
