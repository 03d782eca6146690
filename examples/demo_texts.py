"""What the demo's page says, in English and in French."""

from __future__ import annotations

TEXTS = {
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
        "undeclared": "undeclared",
        "nobody": "nobody says",
        "read": "What this site read of your browser’s cookies",
        "withheld": "This is all that the site could read. What you did not accept is withheld "
        "from it, and your browser is told to forget it.",
        "nothing": "Nothing.",
        "scripts": "Scripts",
        "past": "A script can still put a cookie past the gate. The site will not read it, and "
        "after the next page it is gone.",
        "set": "Set one by script",
        "told": "Scripts that want to know before ask:",
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
        "undeclared": "non déclaré",
        "nobody": "personne ne le dit",
        "read": "Ce que ce site a lu des cookies de votre navigateur",
        "withheld": "C’est tout ce que le site a pu lire. Ce que vous n’avez pas accepté lui est "
        "caché, et votre navigateur est prié de l’oublier.",
        "nothing": "Rien.",
        "scripts": "Les scripts",
        "past": "Un script peut encore déposer un cookie sans passer par le portier. Le site ne "
        "le lira pas, et à la page suivante il aura disparu.",
        "set": "En déposer un par script",
        "told": "Un script qui veut savoir avant demande :",
    },
}
