"""What an incentive earns and costs, from means and covariances per assigned customer."""
