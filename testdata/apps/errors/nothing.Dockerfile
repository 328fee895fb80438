FROM scratch
COPY hello.c /
