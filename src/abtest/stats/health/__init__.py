"""Did the split and the p-values come out as they must?"""
