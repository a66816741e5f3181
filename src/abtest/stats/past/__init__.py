"""What past experiments say together."""
