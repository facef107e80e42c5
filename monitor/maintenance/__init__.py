"""Maintenance: from findings and facts to an action or a refusal, all pure.

A module that defines `STATEMENT` is a kind of action: its docstring is the page,
`LOCK` the strongest lock it takes, `Options` its settings, `subjects(view, findings,
options)` the findings it answers, and `plan(finding, view, options)` the action or
why not. `policy.py` decides what may be done with it, `planner.py` runs them all.
"""
