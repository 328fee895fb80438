FROM debian:12-slim
CMD ["server", "--port", "80"]
