{{composer?}}FROM composer:2 AS vendor
{{composer?}}WORKDIR /app
{{composer?}}COPY {{manifests}} ./
{{composer?}}# The extensions are in the image below, where PHP runs.
{{composer?}}RUN --mount=type=cache,target=/tmp/cache \
{{composer?}}    composer install --no-dev --no-interaction --no-scripts --no-autoloader '--ignore-platform-req=ext-*' --ignore-platform-req=php
{{composer?}}COPY . .
{{composer?}}RUN composer dump-autoload --no-dev --classmap-authoritative --no-scripts

{{!composer?}}FROM scratch AS vendor
{{!composer?}}WORKDIR /app
{{!composer?}}COPY . .

FROM php:{{version}}-{{variant}}
{{headers?}}RUN apt-get update && apt-get install -y --no-install-recommends {{headers}} && rm -rf /var/lib/apt/lists/*
{{extensions?}}RUN docker-php-ext-install -j"$(nproc)" {{extensions}}
{{web?}}# A high port, as nobody who is not root may open 80.
{{web?}}RUN sed -i 's/^Listen 80$/Listen 8080/' /etc/apache2/ports.conf \
{{web?}}    && sed -i -e 's/:80>/:8080>/' -e 's#/var/www/html#/app{{public}}#' /etc/apache2/sites-available/000-default.conf \
{{web?}}    && printf '<Directory /app{{public}}>\nAllowOverride All\nRequire all granted\n</Directory>\n' > /etc/apache2/conf-enabled/app.conf \
{{web?}}    && a2enmod rewrite
WORKDIR /app
COPY --from=vendor /app /app
{{writable?}}# What the program writes; all else is root's.
{{writable?}}RUN mkdir -p {{writable}} && chown -R www-data:www-data {{writable}}
# The user www-data, in numbers, which Kubernetes can tell from root.
USER 33:33
{{web?}}EXPOSE 8080
# Whoever runs the image asks it how it is.
HEALTHCHECK NONE
CMD {{start}}
