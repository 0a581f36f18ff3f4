import os
import socket

from harness import Wrong, word


def must_give_up(lab, path, why, kept=None):
    program = lab.run(path)
    lab.until(lambda: program.ended() or program.said(b"listening"))
    if kept:
        lab.gone_is_wrong(f"{lab.private}/{path}", kept)
    status = program.must_end(f"your program gives up: {why}")
    if status == 0 or program.said(b"listening"):
        raise Wrong(f"your program gives up, with a status other than 0: {why}", f"it ended with status {status}")


def works(lab):
    with lab.case("a client is answered"):
        lab.unix_client(lab.unix_server("socket")).talk(3)


def after_a_crash(lab):
    with lab.case("it starts again after kill -9, where its file was left"):
        server = lab.unix_server("socket")
        lab.unix_client(server).talk()
        server.kill()
        for _ in range(2):
            server = lab.unix_server("socket")
            lab.unix_client(server).talk()
            server.kill()


def beside_another(lab):
    with lab.case("a server that is alive keeps its name"):
        server = lab.unix_server("socket")
        must_give_up(lab, "socket", "another server listens there")
        lab.unix_client(server).talk()


def users_file(lab):
    with lab.case("a file of the user's is left alone"):
        for contents in word(), b"":
            unchanged = "the user's file is still there, unchanged"
            path = lab.users_file("diary", contents)
            must_give_up(lab, "diary", "there is a file that is no socket", unchanged)
            if not os.path.isfile(path) or os.path.islink(path):
                raise Wrong(unchanged, "it is no file any more")
            with open(path, "rb") as file:
                if file.read(100) != contents:
                    raise Wrong(unchanged, "it has been changed")
        path = lab.private + "/pipe"
        os.mkfifo(path)
        os.chown(path, lab.uid, -1)
        must_give_up(lab, "pipe", "there is a file that is no socket", "the user's FIFO is still there")
        os.unlink(path)


def links(lab):
    with lab.case("a symbolic link of the user's is left alone"):
        server = lab.unix_server("socket")
        server.kill()
        for target in "socket", "nothing", ".":
            path = lab.private + "/link"
            os.symlink(target, path)
            must_give_up(lab, "link", "there is a symbolic link", "the user's symbolic link is still there")
            os.unlink(path)


def before_listen(lab):
    with lab.case("a server that has not called listen yet keeps its name"):
        path, bound = f"{lab.private}/bound", lab.adopt(socket.socket(socket.AF_UNIX))
        bound.bind(path)
        os.chown(path, lab.uid, -1)
        file = os.stat(path)
        must_give_up(lab, "bound", "a server has that name, and has not called listen yet")
        if not os.path.exists(path) or not os.path.samestat(file, os.stat(path)):
            raise Wrong("its file is still there", "it is gone")


def leaves_nothing(lab):
    with lab.case("nothing is left of clients that came and went"):
        server = lab.unix_server("socket")

        def visit():
            client = lab.unix_client(server)
            client.talk(said=b"be\0fore and after")
            client.half_close()
            client.hear_end("your program hangs up when its client has")
            client.close()
        lab.must_stay_the_same(visit)


def check(lab):
    works(lab)
    after_a_crash(lab)
    beside_another(lab)
    users_file(lab)
    links(lab)
    before_listen(lab)
    leaves_nothing(lab)
