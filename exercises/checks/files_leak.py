import array
import os
import socket

from harness import Wrong

CLOSED = "each file that came is closed, and so is each client's socket"


def some_files(lab, *sizes):
    """Open files of so many bytes."""
    return [lab.adopt(open(lab.users_file(f"file{number}", b"x" * size), "rb"))
            for number, size in enumerate(sizes)]


def hand_over(client, files):
    client.lab.tell(f"send_fds({client.name}, [b'.'], [open('files_leak.c').fileno()] * {len(files)})")
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file.fileno() for file in files]))]
    try:
        client.sock.sendmsg([b"."], rights if files else [])
    except OSError as error:
        raise Wrong("your program takes the files", f"sending gave: {error.strerror}") from None


def measured(client, files):
    hand_over(client, files)
    size = sum(os.fstat(file.fileno()).st_size for file in files)
    client.hear(b"%d open, %d bytes\n" % (len(files), size))


def check(lab):
    with lab.case("files are counted and measured"):
        files = some_files(lab, 10, 0, 3000, 7)
        client = lab.unix_client(lab.unix_server("socket"))
        for count in 1, 4, 2, 0, 3:
            measured(client, files[:count])

    with lab.case("300 files from one client"):
        files = some_files(lab, 5, 6)
        client = lab.unix_client(lab.unix_server("socket"))
        for _ in range(150):
            measured(client, files)

    with lab.case("nothing is left of the files, nor of clients"):
        files = some_files(lab, 1, 2, 3)
        server = lab.unix_server("socket")

        def visit():
            client = lab.unix_client(server)
            measured(client, files)
            client.half_close()
            client.hear_end("your program hangs up when its client has")
            client.close()
        lab.must_stay_the_same(visit, closed=CLOSED)

    for title, sizes in (("nor of clients that do not wait for their answer", (1, 2)),
                         ("nor of more files than there is room for", range(1, 9))):
        with lab.case(title):
            files = some_files(lab, *sizes)
            server = lab.unix_server("socket")

            def leave(server=server, files=files):
                server.pause()
                client = lab.unix_client(server)
                hand_over(client, files)
                client.close()
                server.resume()
                client = lab.unix_client(server)
                measured(client, files[:1])
                client.close()
            lab.must_stay_the_same(leave, closed=CLOSED)


def bounds(lab):
    with lab.case("nothing is written beyond the end of an array"):
        files = some_files(lab, 1, 2, 3, 4, 5, 6, 7, 8)
        server = lab.unix_server("socket")
        client = lab.unix_client(server)
        hand_over(client, files)
        lab.settle()
        client.close()
        measured(lab.unix_client(server), files[:4])
