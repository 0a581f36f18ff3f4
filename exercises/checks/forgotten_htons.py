from harness import Wrong


def reach(lab, server):
    ports = server.real_ports()
    if server.port not in ports:
        real = " and ".join(f"{port} (0x{port:04X})" for port in sorted(ports)) or "no port"
        raise Wrong(f"127.0.0.1:{server.port} (0x{server.port:04X}) takes the call",
                    f"Connection refused: the kernel says that your program listens on {real}")
    lab.client(server).talk(2)


def check(lab):
    with lab.case("a client reaches it on the port that it was told"):
        # A port whose bytes differ, and that is no privileged one either way.
        reach(lab, lab.server(lab.free_port(lambda port: port % 256 not in (*range(4), port // 256))))

    with lab.case("it tells the port that the kernel chose"):
        for _ in range(4):
            reach(lab, lab.server())
