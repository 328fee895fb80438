{{build?}}FROM --platform=$BUILDPLATFORM node:{{node}}-slim AS site
{{build?}}WORKDIR /src
{{manager?}}RUN {{manager}}
{{build?}}COPY {{manifests}} ./
{{build?}}RUN --mount=type=cache,target={{cache}} \
{{build?}}    {{install}}
{{build?}}COPY . .
{{build?}}RUN {{build}}
{{!build?}}FROM scratch AS site
{{!build?}}WORKDIR /src
{{!build?}}COPY {{source}} {{out}}

FROM nginx:stable
# A server of files for anybody: no root, a high port, nothing written but in /tmp.
COPY <<"EOF" /etc/nginx/nginx.conf
worker_processes auto;
pid /tmp/nginx.pid;
error_log stderr warn;
events {}
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /dev/stdout;
    client_body_temp_path /tmp/client;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;
    sendfile on;
    gzip on;
    gzip_types text/css application/javascript application/json image/svg+xml;
    server {
        listen 8080;
        root /usr/share/nginx/html;
        location / {
            try_files $uri $uri/ {{fallback}};
        }
    }
}
EOF
COPY --from=site /src/{{out}} /usr/share/nginx/html
# Numbers, which Kubernetes can tell from root.
USER 65532:65532
EXPOSE 8080
# Whoever runs the image asks it how it is.
HEALTHCHECK NONE
ENTRYPOINT []
CMD ["nginx", "-g", "daemon off;"]
