"""Takes everything that is sent to it by OTLP over HTTP, and keeps nothing of it. Prints its address."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Collector(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
