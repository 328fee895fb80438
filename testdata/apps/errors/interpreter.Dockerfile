FROM debian:12-slim
COPY --chmod=0755 <<EOF /run.sh
#!/usr/bin/zsh
echo hello
EOF
ENTRYPOINT ["/run.sh"]
