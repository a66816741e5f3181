"""How many customers to test on, when the rest get what won."""

from __future__ import annotations

import math


def size_of_test_and_roll(population: float, response_sd: float, prior_sd: float) -> float:
    """The size of each of two variants that earns most over a finite population.

    n = sqrt(N / 4 (s / sigma)^2 + (3 / 4 (s / sigma)^2)^2) - 3 / 4 (s / sigma)^2. Afterwards
    everybody else gets the variant with the higher mean, however small the difference.

    Assumes two variants whose means come from one normal prior, and normal responses.

    Args:
        population: All customers N, those of the test included; above 0.
        response_sd: The standard deviation s of one customer's response; above 0.
        prior_sd: The standard deviation sigma of the variants' true means; above 0.

    Returns:
        Customers per variant, to be rounded by the caller; never more than half of the population.

    Raises:
        ValueError: A number is not above 0.

    Source:
        Feit & Berman (2019), Test & Roll: profit-maximizing A/B tests, Marketing Science 38,
        1038-1058, the closed form for symmetric normal priors.

    Example:
        >>> round(size_of_test_and_roll(100_000, 0.466476151587624, 0.03))
        2284
    """
    for name, number in (
        ("population", population),
        ("response_sd", response_sd),
        ("prior_sd", prior_sd),
    ):
        if not number > 0:
            raise ValueError(f"{name} is {number}; it must be above 0.")
    noise = (response_sd / prior_sd) ** 2
    # The difference of two near numbers: its product with their sum is exact.
    far = math.sqrt(population / 4 * noise + (0.75 * noise) ** 2) + 0.75 * noise
    return population / 4 * noise / far
