from echo import bounds, bytes_like_others, leaves_nothing  # noqa: F401: bounds is a round of its own
from harness import word


def check(lab):
    with lab.case("the first message is answered"):
        lab.client(lab.server()).talk()

    with lab.case("the second message is answered, too"):
        lab.client(lab.server()).talk(2)

    with lab.case("thirty messages are answered"):
        lab.client(lab.server()).talk(30)

    with lab.case("the next client is served when the first has left"):
        server = lab.server()
        first = lab.client(server)
        first.talk(2)
        first.close()
        lab.client(server).talk(2, "the next client's answer")

    with lab.case("a message that comes one byte at a time is answered"):
        server = lab.server()
        client = lab.client(server)
        for letter in word(20).decode():
            client.say(letter.encode())
            client.hear(letter.upper().encode())
        client.half_close()
        client.hear_end()
        server.must_rest("when its client has left")

    bytes_like_others(lab)
    leaves_nothing(lab)
