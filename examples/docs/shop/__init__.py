"""A Django project behind the gate: what docs/how-to/django.md shows."""
