"""Before launch: can an answer come, how large must the effect be, and when is it there?"""
