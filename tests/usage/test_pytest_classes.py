"""pytest: classes with setup_method and teardown_method."""

import recell
from usage.shop import payments


class TestAccount:
    def setup_method(self):
        self.change = recell.override(payments.Account, charge=lambda card, amount: f"{card} pays {amount}")
        self.change.start()
        self.account = payments.Account("4000")

    def teardown_method(self):
        self.change.undo()

    def test_pay(self):
        assert self.account.pay(3) == "4000 pays 3"
        assert self.account.log == ["4000 pays 3 in EUR"]

    def test_subclass(self):
        account = payments.Business("5000")
        account.pay(3)
        assert account.log == ["5000 pays 3 in EUR, tax included"]

    @recell.swap(payments.Account.describe, lambda self, receipt: f"<{receipt}>")
    def test_a_method(self):
        self.account.pay(3)
        business = payments.Business("5000")
        business.pay(1)
        assert self.account.log == ["<4000 pays 3>"]
        assert business.log == ["<5000 pays 1>, tax included"]
