from harness import word


def message(body):
    return len(body).to_bytes(4, "big") + body


def exchange(client, body):
    client.say(message(body))
    client.hear(message(body.upper()))


def hostile(lab, length, body):
    server = lab.server()
    client = lab.client(server)
    client.say(length.to_bytes(4, "big") + body)
    client.hear_no_answer(f"the client that says the length {length} is hung up on")
    server.must_live("after such a client")
    exchange(lab.client(server), word())


def check(lab):
    with lab.case("a message is answered"):
        client = lab.client(lab.server())
        for length in 5, 1, 1000, 0, 300:
            exchange(client, word(length))

    with lab.case("two messages that come at once get two answers"):
        client = lab.client(lab.server())
        client.say(message(b"abc") + message(b"de\0f"))
        client.hear(message(b"ABC") + message(b"DE\0F"))

    with lab.case("a length that is too large: the client is hung up on"):
        for length in 65535, 1 << 31, (1 << 32) - 1, 1 << 24:
            hostile(lab, length, b"x" * 40000)


def bounds(lab):
    with lab.case("nothing is written beyond the end of an array"):
        for length in 1001, 1002, 2000:
            hostile(lab, length, b"x" * length)
