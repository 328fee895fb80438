FROM gcc:12 AS build
RUN printf 'V_2 { global: answer; };\n' > new.map && printf 'V_1 { global: answer; };\n' > old.map \
 && echo 'int answer(void){return 42;}' > answer.c \
 && gcc -shared -fPIC -Wl,--version-script=old.map -o /libold.so answer.c -Wl,-soname,libanswer.so \
 && gcc -shared -fPIC -Wl,--version-script=new.map -o libanswer.so answer.c -Wl,-soname,libanswer.so \
 && echo 'int answer(void); int main(void){return answer();}' > main.c && gcc -o /app main.c -L. -lanswer

FROM debian:12-slim
COPY --from=build /libold.so /usr/lib/libanswer.so
COPY --from=build /app /app
ENTRYPOINT ["/app"]
