"""Functions that the course's own modules give to learners, for files that come without these modules.

Run as a file beside the learner's is, by `beside`; nothing of this package imports them.
"""
