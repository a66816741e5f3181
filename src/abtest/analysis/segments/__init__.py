"""Effects within declared segments."""
