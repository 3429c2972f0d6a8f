"""A small language to find models, versions and runs, such as

    status = 'succeeded' AND (metrics.survival >= 300 OR tags.team LIKE 'blue%')

`lexing` cuts the text into words, `parsing` makes a tree of them (`syntax`), `compiling` checks
the tree against the fields of a table (`fields`, `tables`) and gives a Q object. A condition only
ever narrows the queryset it is put on, so nobody finds what he may not see.
"""
