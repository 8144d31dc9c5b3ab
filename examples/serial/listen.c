/* Readings from a serial port through a model as C source; a forecast on standard output for each.
 *
 *     listen /dev/ttyUSB0 9600 [STATE]
 *
 * A line is the readings in the order of the features, with commas between them: `20.5,41`. An empty
 * one is missing. A line may have NMEA's checksum, `$20.5,41*1A`; one with another checksum is left
 * out. The first line may be cut, and is left out unless it has a checksum. The state is kept in the
 * file STATE, replaced whole after every forecast, so that a restart goes on where it was.
 *
 * The model must have no inputs derived from the time. */

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include MODEL_HEADER

#define JOINED_(model, name) model##_##name
#define JOINED(model, name) JOINED_(model, name)
#define OF(name) JOINED(MODEL, name)
#define SIZE(name) JOINED(MODEL_UPPER, name)

enum { MAX_LINE = 256 };

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

static speed_t speed_of(const char *text)
{
    static const struct {
        long baud;
        speed_t speed;
    } known[] = {{1200, B1200},   {2400, B2400},   {4800, B4800},    {9600, B9600},
                 {19200, B19200}, {38400, B38400}, {57600, B57600}, {115200, B115200}};
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
        if (strtol(text, NULL, 10) == known[k].baud) {
            return known[k].speed;
        }
    }
    return B0;
}

/* The descriptor of a port without echo, translation or signals; -1 where it cannot be opened. */
static int open_port(const char *path, speed_t speed)
{
    struct termios settings;
    int port = open(path, O_RDONLY | O_NOCTTY);
    if (port >= 0 && tcgetattr(port, &settings) == 0) {
        cfmakeraw(&settings);
        cfsetspeed(&settings, speed);
        if (tcsetattr(port, TCSANOW, &settings) == 0) {
            return port;
        }
    }
    return -1;
}

/* Takes `$` and `*HH` off; 1 with the right checksum, 0 without any, -1 with another. */
static int checked(char **line)
{
    char *star = strrchr(*line, '*'), *end;
    unsigned char sum = 0;
    if (**line == '$') {
        ++*line;
    }
    if (star == NULL) {
        return 0;
    }
    for (const char *at = *line; at < star; at++) {
        sum ^= (unsigned char)*at;
    }
    *star = '\0';
    long given = strtol(star + 1, &end, 16);
    return end == star + 3 && *end == '\0' && given == sum ? 1 : -1;
}

/* The readings of a line; 0 where it holds other than so many numbers. */
static int parsed(const char *line, float *x)
{
    for (int k = 0; k < SIZE(INPUT_SIZE); k++) {
        char *end = (char *)line;
        x[k] = *line == ',' || *line == '\0' ? NAN : strtof(line, &end);
        if (end == line && !isnan(x[k])) {
            return 0;
        }
        if (*end != (k + 1 < SIZE(INPUT_SIZE) ? ',' : '\0')) {
            return 0;
        }
        line = end + 1;
    }
    return 1;
}

static void load(OF(state) * stream, const char *path)
{
    static unsigned char bytes[SIZE(SNAPSHOT_NBYTES)];
    FILE *file = path ? fopen(path, "rb") : NULL;
    size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file) {
        fclose(file);
    }
    if (size && OF(restore)(stream, bytes, size) != 0) {
        fprintf(stderr, "%s: it is no state of this model. Starting anew.\n", path);
    }
}

static int save(const OF(state) * stream, const char *path)
{
    static unsigned char bytes[SIZE(SNAPSHOT_NBYTES)];
    char beside[4096];
    int size = snprintf(beside, sizeof beside, "%s.new", path);
    FILE *file = size < (int)sizeof beside ? fopen(beside, "wb") : NULL;
    if (file == NULL) {
        return 0;
    }
    OF(save)(stream, bytes);
    int is_whole = fwrite(bytes, 1, sizeof bytes, file) == sizeof bytes;
    is_whole = fflush(file) == 0 && fsync(fileno(file)) == 0 && is_whole;
    return fclose(file) == 0 && is_whole && rename(beside, path) == 0;
}

static void take(OF(state) * stream, char *line, int is_first, const char *path)
{
    float x[SIZE(INPUT_SIZE)], y[SIZE(OUTPUT_SIZE)];
    size_t size = strcspn(line, "\r");
    line[size] = '\0';
    int sum = checked(&line);
    if (is_first && sum == 0) {
        return;
    }
    if (sum < 0 || !parsed(line, x) || OF(step)(stream, x, y) != 0) {
        fprintf(stderr, "left out: %.60s\n", line);
        return;
    }
    if (path && !save(stream, path)) {
        fprintf(stderr, "%s: the state cannot be saved: %s.\n", path, strerror(errno));
    }
    for (int k = 0; k < SIZE(OUTPUT_SIZE); k++) {
        printf("%s%.9g", k ? "," : "", (double)y[k]);
    }
    printf("\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static OF(state) stream;
    struct sigaction ending = {.sa_handler = stop}; /* without SA_RESTART: it ends a read */
    char line[MAX_LINE], found[64];
    int size = 0, is_long = 0, is_first = 1;
    speed_t speed = argc < 3 ? B0 : speed_of(argv[2]);
    if (speed == B0) {
        fprintf(stderr, "usage: listen PORT BAUD [STATE], 1200 to 115200 baud\n");
        return 2;
    }
    int port = open_port(argv[1], speed);
    if (port < 0) {
        fprintf(stderr, "%s: it cannot be opened: %s.\n", argv[1], strerror(errno));
        return 2;
    }
    sigaction(SIGINT, &ending, NULL);
    sigaction(SIGTERM, &ending, NULL);
    OF(reset)(&stream);
    load(&stream, argc > 3 ? argv[3] : NULL);
    fprintf(stderr, "listening\n");
    while (!stopped) {
        ssize_t count = read(port, found, sizeof found);
        if (count <= 0) {
            break; /* unplugged: whoever started this starts it again */
        }
        for (ssize_t k = 0; k < count; k++) {
            if (found[k] != '\n') {
                is_long = is_long || size == MAX_LINE - 1;
                line[is_long ? size : size++] = found[k];
                continue;
            }
            line[size] = '\0';
            if (is_long) {
                fprintf(stderr, "left out: a line of more than %d bytes\n", MAX_LINE - 1);
            } else {
                take(&stream, line, is_first, argc > 3 ? argv[3] : NULL);
            }
            size = is_long = is_first = 0;
        }
    }
    return stopped ? 0 : 1;
}
