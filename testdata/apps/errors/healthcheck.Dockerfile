FROM debian:12-slim
HEALTHCHECK CMD ["curl", "-f", "http://localhost/"]
CMD ["sleep", "1"]
