import select
import time

from harness import Wrong, quoted, word


def must_say(program, answer):
    status = program.must_end("your program ends when it has its answer", within=10)
    if program.output != answer + b"\n" or status != 0:
        raise Wrong(f"{quoted(answer)} is printed, status 0", f"it printed {quoted(program.output)}, status {status}")


def asked(lab, server, question, which="the"):
    """The program's question; where to answer to."""
    got, sender = lab.datagram(server, f"{which} question {quoted(question)}", within=10)
    if got != question:
        raise Wrong(f"{which} question {quoted(question)}", f"{quoted(got)} came")
    return sender


def check(lab):
    with lab.case("a server that never answers: it gives up"):
        server, question = lab.datagrams(), word()
        start = time.monotonic()
        program = lab.run(server.getsockname()[1], question.decode())
        asked(lab, server, question)
        again = lab.until(lambda: select.select([server], [], [], 0)[0],
                          within=max(0.01, start + 0.25 - time.monotonic()))
        if again and time.monotonic() - start < 0.3:  # later, on a busy machine, it may ask
            raise Wrong("it waits 300 ms before it asks again",
                        f"it asked again {(time.monotonic() - start) * 1000:.0f} ms after it was started")
        program.must_not_spin("while no answer comes", 0.4, 0.2)
        status = program.must_end('your program says "no answer" and ends', asleep=1.5)
        took = time.monotonic() - start
        count = 1
        while select.select([server], [], [], 0)[0]:
            server.recvfrom(1000)
            count += 1
        if status != 1 or not program.said(b"no answer"):
            raise Wrong('it says "no answer", status 1', f"it printed {quoted(program.told)}, status {status}")
        if count != 3:
            raise Wrong("your program asks three times", f"it asked {count} time{'s' * (count != 1)}")
        if took < 0.85:
            raise Wrong("it waits 300 ms after each question, 900 ms in all", f"it gave up after {took * 1000:.0f} ms")

    with lab.case("an answer is printed, though it takes a moment"):
        server, question, answer = lab.datagrams(), word(), word()
        program = lab.run(server.getsockname()[1], question.decode())
        sender = asked(lab, server, question)
        lab.settle()
        server.sendto(answer, sender)
        must_say(program, answer)

    with lab.case("a question that got lost is asked again"):
        for lost in 1, 2:
            server, question, answer = lab.datagrams(), word(), word()
            program = lab.run(server.getsockname()[1], question.decode())
            for _ in range(lost):
                asked(lab, server, question)
            server.sendto(answer, asked(lab, server, question, "the same"))
            must_say(program, answer)
