"""Homework as learners write it: `check` for files, functions, layers and networks, and all that it is made of.

`loading` runs a file in the process that `isolation` starts; `discovery` finds what there is to check in it, by the
recognisers `networks`, `scripts`, `values`, `layers` and `pairs`; a check gives one of the `findings`, which `report`,
`formats` and `page` write. The calculus is in `gradcheck` and `backprop`.
"""
