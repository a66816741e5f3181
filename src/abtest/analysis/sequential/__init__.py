"""Several looks at one experiment."""
