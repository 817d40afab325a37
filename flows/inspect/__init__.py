"""Commands that no night runs: how things stand, what a command would do, what a person does by hand."""
