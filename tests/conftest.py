"""How hard Hypothesis tries: `HYPOTHESIS_PROFILE=deep python -m pytest`, or `--hypothesis-profile deep`."""

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=40)
settings.register_profile("deep", deadline=None, max_examples=3000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
