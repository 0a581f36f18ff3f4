from forgotten_close import bounds, check  # noqa: F401: the same is demanded
