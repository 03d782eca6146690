"""A Django project behind the gate: the data portal whose charter is `examples.portal_policy`.

`python -m examples.portal` serves it; so does any server that is given
`examples.portal.wsgi:application` or `examples.portal.asgi:application`.
"""
