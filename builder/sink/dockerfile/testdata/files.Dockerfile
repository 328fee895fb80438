ARG V=12
FROM debian:${V} as App
RUN make
FROM app AS test
RUN make test

# From here on written by whittle rewrite: the files of linux/amd64 that the image needs. COPY has
# --parents and --exclude since docker/dockerfile 1.20 (BuildKit 0.26). What a Dockerfile cannot
# say:
# - The Go programs of line 3 are compiled as written.
# - Files keep the times that they have in the stage app.
FROM scratch AS directories
WORKDIR /home/nonroot
FROM scratch
# the final stage put it there (5)
COPY --from=app --chown=0:0 --chmod=a+rX --exclude=.git --exclude=draft[\ ]\\[1\\].md /app/static/ \
    /app/static/
# PT_INTERP of /app/serve (2); ENTRYPOINT
COPY --from=app --chown=0:0 --chmod=u=rwX,go=rX --parents /app/serve /lib64 \
    /usr/lib64/ld-linux-x86-64.so.2 /
# DT_NEEDED of /app/serve (9)
COPY --from=app --chown=0:0 --chmod=u=rwX,go=rX --parents /usr/lib/x86_64-linux-gnu/./lib0.so.6 \
    /usr/lib/x86_64-linux-gnu/./lib1.so.6 /usr/lib/x86_64-linux-gnu/./lib2.so.6 \
    /usr/lib/x86_64-linux-gnu/./lib3.so.6 /usr/lib/x86_64-linux-gnu/./lib4.so.6 \
    /usr/lib/x86_64-linux-gnu/./lib5.so.6 /usr/lib/x86_64-linux-gnu/./lib6.so.6 \
    /usr/lib/x86_64-linux-gnu/./lib7.so.6 /usr/lib/x86_64-linux-gnu/./lib8.so.6 \
    /usr/lib/x86_64-linux-gnu/
# licence of lib0; licence of lib1; licence of lib2; 6 more reasons
COPY --from=app --chown=0:0 --chmod=u=rwX,go=rX --parents /usr/share/doc/./lib0/copyright \
    /usr/share/doc/./lib1/copyright /usr/share/doc/./lib2/copyright \
    /usr/share/doc/./lib3/copyright /usr/share/doc/./lib4/copyright \
    /usr/share/doc/./lib5/copyright /usr/share/doc/./lib6/copyright \
    /usr/share/doc/./lib7/copyright /usr/share/doc/./lib8/copyright /usr/share/doc/
# tells who the image's user is (2)
COPY --chown=0:0 --chmod=u=rw,go=r minimal/etc/passwd minimal/etc/group /etc/
# directories alone: home of the user
COPY --from=directories --chown=65532:0 --chmod=0770 --parents /home/nonroot /
# directories alone: WORKDIR
COPY --from=app --chown=65532:0 --chmod=0775 --parents --exclude=app/* /app /
# directories alone: holds /home/nonroot
COPY --from=app --chown=0:0 --chmod=0755 --parents --exclude=home/* /home /
# directories alone: /app/serve makes temporary files
COPY --from=app --chown=0:0 --chmod=1777 --parents --exclude=tmp/* /tmp /
ENV MODE="production \$x"
EXPOSE 8080/tcp
WORKDIR /app
USER 65532:65532
ENTRYPOINT ["/app/serve"]
