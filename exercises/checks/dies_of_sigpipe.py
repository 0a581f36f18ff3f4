from harness import Wrong

COUNTED = b"".join(b"%d\n" % n for n in range(1, 101))


def check(lab):
    with lab.case("it counts to 100 for a client"):
        got = lab.client(lab.server()).hear_end("the lines 1 to 100, then the end of the stream")
        if got != COUNTED:
            raise Wrong("the lines 1 to 100", f"{len(got)} bytes came that are something else")

    with lab.case("the next client is served when one left before it was picked up"):
        server = lab.server()
        for vanishes in False, True:
            server.pause()
            early = lab.client(server)
            if vanishes:
                early.vanish()
            else:
                early.leave()
            server.resume()
            lab.settle()
            client = lab.client(server, "127.0.0.1:{port} takes a call after a client left early")
            client.hear(COUNTED, "the lines")
            client.close()

    with lab.case("fifty clients leave, early or by slamming the door"):
        server = lab.server()
        for turn in range(50):
            client = lab.client(server)
            if turn % 3 == 0:
                client.close()
            elif turn % 3 == 1:
                client.reset()
            else:
                client.hear(COUNTED[:10])
                client.close()
        lab.client(server).hear(COUNTED, "the lines")
        server.must_rest("when nobody calls")

    with lab.case("nothing is left of clients that came and went"):
        server = lab.server()

        def visit():
            client = lab.client(server)
            client.hear_end("the lines, then the end of the stream")
            client.close()
        lab.must_stay_the_same(visit)
