FROM gcc:12 AS build
COPY hello.c .
RUN echo 'int answer(void){return 42;}' > answer.c && gcc -shared -fPIC -o libanswer.so answer.c \
 && echo 'int answer(void); int main(void){return answer();}' > main.c && gcc -o /app main.c -L. -lanswer

FROM debian:12-slim
COPY --from=build /app /app
ENTRYPOINT ["/app"]
