"""A server that says what it was told to."""

import asyncio

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"


class Answering:
    """A server on 127.0.0.1 that gives `answers` in turn; None closes the connection."""

    def __init__(self, *answers):
        self.answers, self.asked, self.connections = answers, 0, 0

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/here"
        return self

    async def __aexit__(self, *_):
        self.server.close()

    async def serve(self, reader, writer):
        self.connections += 1
        while head := await reader.readline():
            while (line := await reader.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    await_bytes = int(line.split(b":")[1])
            self.body = await reader.readexactly(await_bytes)
            self.head = head
            answer = self.answers[min(self.asked, len(self.answers) - 1)]
            self.asked += 1
            if answer is None:
                break
            writer.write(answer)
        writer.close()
