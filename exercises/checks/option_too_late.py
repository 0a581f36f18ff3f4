from address_in_use import check  # noqa: F401: the same is demanded
