"""All hostile input of the suite against a throw-away home: `python -m tests.attack`."""
