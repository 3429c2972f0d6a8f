"""`manage.py up`: one command that runs the whole platform on one machine.

plan.py          what the environment asks for
checks.py        what would stop us, said before anything is started
servers.py       PostgreSQL and Valkey: embedded, or those that the plan names
first_steps.py   tables, first accounts, API key, first run (in a process of its own)
children.py      the platform's processes: started, watched, restarted, stopped
readiness.py     asks the web server whether everything is there
up_file.py       <data>/up.json, for people and programs
running.py       the order of all this
screen.py        what the terminal shows
"""
