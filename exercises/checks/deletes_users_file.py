from stale_socket_file import after_a_crash, before_listen, beside_another, leaves_nothing, links, users_file, works


def check(lab):
    """The same demands as on stale_socket_file, the user's file first."""
    works(lab)
    users_file(lab)
    after_a_crash(lab)
    beside_another(lab)
    links(lab)
    before_listen(lab)
    leaves_nothing(lab)
