"""The command line `consentgate`, on Typer and Rich: the extra `consentgate[cli]`.

A command is a function in a module of its name; what several of them say or
ask for is in `console`. Answers go to stdout, all else to stderr.
"""
