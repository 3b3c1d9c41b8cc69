"""The server: models answer over HTTP. `docs/serve.md` says how to use it, `front.py` how a
request goes. Needs the extra `serve`; the command imports this wing when it is asked to serve."""
