"""Effects within segments: do they differ, and do they mislead?"""
