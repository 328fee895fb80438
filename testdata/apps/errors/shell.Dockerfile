FROM gcc:12 AS build
COPY hello.c .
RUN gcc -static -o /hello hello.c

FROM scratch
COPY --from=build /hello /hello
CMD /hello && /hello
