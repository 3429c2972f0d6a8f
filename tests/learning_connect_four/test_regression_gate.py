"""A change may not cost what a small network learns in a fixed budget."""

import pytest

from benchmarks.connect_four.gate import most_of_a_new_seed, stored, trained

SEED = 0  # none of those that the interval was made of


@pytest.mark.slow(expected_s=30)
def test_a_fixed_budget_teaches_as_much_as_it_did():
    kept = stored()
    assert kept["most"] < kept["centre_first"], "an interval that lets everything pass"
    assert trained(SEED) <= kept["most"]


def test_the_limit_lies_above_the_rates_it_is_made_of():
    assert most_of_a_new_seed([0.3, 0.3, 0.3]) == pytest.approx(0.3)
    # t = 6.965 for two degrees of freedom, a deviation of 0.01, and three seeds.
    limit = 0.3 + 6.965 * 0.01 * (4 / 3) ** 0.5
    assert most_of_a_new_seed([0.29, 0.3, 0.31]) == pytest.approx(limit)
