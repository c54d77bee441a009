/* A clock over HTTP: a compiled service small enough to read in one sitting.
 * "/" answers the time and a greeting, "/healthz" answers 200, SIGTERM ends it after the request at hand. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Given when the image is built; the environment may say otherwise when it runs. */
#ifndef GREETING
#define GREETING "Hello"
#endif

static volatile sig_atomic_t stopping;

static void stop(int signal) {
    (void)signal;
    stopping = 1;
}

/* Writes text as the inside of a JSON string. */
static void quote(char *out, size_t room, const char *text) {
    size_t used = 0;
    for (; *text && used + 7 < room; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') used += (size_t)sprintf(out + used, "\\%c", c);
        else if (c < 0x20) used += (size_t)sprintf(out + used, "\\u%04x", c);
        else out[used++] = (char)c;
    }
    out[used] = 0;
}

static void answer(int client, const char *status, const char *body) {
    char text[2048];
    int length = snprintf(text, sizeof text,
        "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n%s", status, strlen(body), body);
    for (int sent = 0; sent < length;) {
        ssize_t n = send(client, text + sent, (size_t)(length - sent), MSG_NOSIGNAL);
        if (n <= 0) return;
        sent += (int)n;
    }
}

static void serve(int client) {
    char request[4096], path[256] = "", body[1024], greeting[512], now[32];
    size_t got = 0;
    request[0] = 0;
    /* The head of a request may arrive in pieces. */
    while (!strstr(request, "\r\n\r\n") && got < sizeof request - 1) {
        ssize_t n = recv(client, request + got, sizeof request - 1 - got, 0);
        if (n <= 0) return;
        request[got += (size_t)n] = 0;
    }
    sscanf(request, "%*15s %255[^ ?]", path);
    if (!strcmp(path, "/healthz")) {
        answer(client, "200 OK", "{\"status\":\"ok\"}\n");
    } else if (!strcmp(path, "/")) {
        const char *word = getenv("GREETING");
        time_t seconds = time(NULL);
        quote(greeting, sizeof greeting, word && *word ? word : GREETING);
        strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", gmtime(&seconds));
        snprintf(body, sizeof body, "{\"greeting\":\"%s\",\"time\":\"%s\"}\n", greeting, now);
        answer(client, "200 OK", body);
    } else {
        answer(client, "404 Not Found", "{\"status\":\"not found\"}\n");
    }
}

int main(void) {
    const char *port = getenv("PORT");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port ? port : "8080"))};
    struct sigaction on_stop = {.sa_handler = stop}; /* without SA_RESTART: accept() returns */
    struct timeval patience = {.tv_sec = 5};
    int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

    sigaction(SIGTERM, &on_stop, NULL);
    sigaction(SIGINT, &on_stop, NULL);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 128)) {
        perror("clock");
        return 1;
    }
    printf("clock: listening on port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    while (!stopping) {
        int client = accept(listener, NULL, NULL);
        if (client < 0) continue;
        setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        serve(client);
        shutdown(client, SHUT_WR);
        close(client);
    }
    return 0;
}
