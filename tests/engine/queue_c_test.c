/* SPDX-License-Identifier: Apache-2.0 */
/* The queue as a C program sees it: queue_c_test digits_f32.tflite */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "heddle/c.h"

static void check(heddle_status* status, heddle_code code, int line) {
  if (heddle_status_code(status) != code) {
    printf("line %d: %s (%s), expected %s\n", line, heddle_code_name(heddle_status_code(status)),
           heddle_status_message(status), heddle_code_name(code));
    ++failures;
  }
  heddle_status_free(status);
}
#define OK(call) check((call), HEDDLE_OK, __LINE__)
#define FAILS(call, code) check((call), (code), __LINE__)

static float pixels[64];
static heddle_tensor image;

static heddle_ticket* submit(heddle_queue* queue, heddle_model* model,
                             const heddle_submit_options* options) {
  heddle_ticket* ticket = NULL;
  OK(heddle_queue_submit(queue, model, &image, 1, NULL, 0, options, &ticket));
  return ticket;
}

static void count_done(void* arg, heddle_ticket* ticket) {
  OK(heddle_ticket_result(ticket, NULL));
  heddle_ticket_free(ticket);
  __atomic_fetch_add((int*)arg, 1, __ATOMIC_RELEASE);
}

static void use_tickets(heddle_queue* queue, heddle_model* model) {
  heddle_ticket* ticket = submit(queue, model, NULL);
  CHECK(heddle_ticket_wait(ticket, -1) == 1);
  CHECK(heddle_ticket_wait(ticket, 0) == 1);
  heddle_outputs* outputs = NULL;
  OK(heddle_ticket_result(ticket, &outputs));
  heddle_ticket_free(ticket);
  heddle_tensor scores;
  memset(&scores, 0, sizeof(scores));
  scores.struct_size = sizeof(scores);
  OK(heddle_outputs_get(outputs, 0, &scores));
  CHECK(scores.type == HEDDLE_FLOAT32 && scores.rank == 2 && scores.dims[1] == 10);
  CHECK(heddle_outputs_count(outputs) == 1);
  FAILS(heddle_outputs_get(outputs, 1, &scores), HEDDLE_NOT_FOUND);
  heddle_outputs_free(outputs);

  int done = 0;
  for (int i = 0; i < 20; ++i)
    OK(heddle_ticket_then(submit(queue, model, NULL), count_done, &done));
  OK(heddle_queue_join(queue));
  CHECK(__atomic_load_n(&done, __ATOMIC_ACQUIRE) == 20);
  heddle_ticket_drop(submit(queue, model, NULL));
}

static void use_completions(heddle_queue* queue, heddle_model* model) {
  heddle_completions* completions = NULL;
  OK(heddle_completions_create(&completions));
  CHECK(heddle_completions_fd(completions) >= 0);
  heddle_submit_options options;
  memset(&options, 0, sizeof(options));
  options.struct_size = sizeof(options);
  options.completions = completions;
  options.tag = 7;
  heddle_ticket_drop(submit(queue, model, &options));
  heddle_completions_free(completions); /* the request keeps what it needs */
  OK(heddle_queue_join(queue));
}

static void count_event(void* arg, const heddle_event* event) {
  int* told = (int*)arg;
  __atomic_fetch_add(&told[event->kind], 1, __ATOMIC_RELAXED);
  if (event->kind == HEDDLE_ENDED && event->ended_ns < event->begun_ns)
    __atomic_fetch_add(&told[0], 1, __ATOMIC_RELAXED);
}

static void trace(heddle_model* model) {
  int told[4] = {0, 0, 0, 0};
  heddle_queue_options options;
  memset(&options, 0, sizeof(options));
  options.struct_size = sizeof(options);
  options.trace = count_event;
  options.trace_arg = told;
  heddle_queue* queue = NULL;
  OK(heddle_queue_create(&options, &queue));
  for (int i = 0; i < 5; ++i) heddle_ticket_drop(submit(queue, model, NULL));
  heddle_queue_free(queue);
  CHECK(told[0] == 0 && told[HEDDLE_ACCEPTED] == 5);
  CHECK(told[HEDDLE_BEGUN] == 5 && told[HEDDLE_ENDED] == 5);
  CHECK(heddle_model_id(model) != 0 && heddle_model_id(NULL) == 0);
}

static void refuse_nonsense(heddle_queue* queue, heddle_model* model) {
  heddle_ticket* ticket = NULL;
  FAILS(heddle_queue_create(NULL, NULL), HEDDLE_INVALID_ARGUMENT);
  FAILS(heddle_queue_submit(NULL, model, &image, 1, NULL, 0, NULL, &ticket),
        HEDDLE_INVALID_ARGUMENT);
  FAILS(heddle_queue_submit(queue, NULL, &image, 1, NULL, 0, NULL, &ticket),
        HEDDLE_INVALID_ARGUMENT);
  FAILS(heddle_queue_submit(queue, model, NULL, 1, NULL, 0, NULL, &ticket),
        HEDDLE_INVALID_ARGUMENT);
  FAILS(heddle_queue_submit(queue, model, &image, 1, NULL, 0, NULL, NULL), HEDDLE_INVALID_ARGUMENT);
  heddle_submit_options options;
  memset(&options, 0, sizeof(options));
  options.struct_size = sizeof(options);
  options.priority = (heddle_priority)3;
  FAILS(heddle_queue_submit(queue, model, &image, 1, NULL, 0, &options, &ticket),
        HEDDLE_INVALID_ARGUMENT);
  options.priority = HEDDLE_NORMAL;
  options.deadline_ns = 1;
  FAILS(heddle_queue_submit(queue, model, &image, 1, NULL, 0, &options, &ticket),
        HEDDLE_DEADLINE_EXCEEDED);
  heddle_share share;
  memset(&share, 0, sizeof(share));
  share.struct_size = sizeof(share);
  OK(heddle_queue_set_model(queue, model, &share));
  share.weight = -1;
  FAILS(heddle_queue_set_model(queue, model, &share), HEDDLE_INVALID_ARGUMENT);
  FAILS(heddle_queue_set_stream(queue, 0, &share), HEDDLE_INVALID_ARGUMENT);
  FAILS(heddle_ticket_result(NULL, NULL), HEDDLE_INVALID_ARGUMENT);
  CHECK(heddle_ticket_wait(NULL, -1) == 1);
  heddle_ticket_cancel(NULL);
  heddle_ticket_free(NULL);
  heddle_ticket_drop(NULL);
  heddle_queue_free(NULL);
  heddle_completions_free(NULL);
  CHECK(heddle_completions_fd(NULL) == -1);
  CHECK(heddle_status_retry_ns(NULL) == 0);
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  image.struct_size = sizeof(image);
  image.type = HEDDLE_FLOAT32;
  image.rank = HEDDLE_SHAPE_OF_MODEL;
  image.data = pixels;
  image.bytes = sizeof(pixels);
  heddle_engine* engine = NULL;
  heddle_model* model = NULL;
  heddle_queue* queue = NULL;
  OK(heddle_engine_create(NULL, &engine));
  OK(heddle_model_load(engine, argv[1], NULL, &model));
  OK(heddle_queue_create(NULL, &queue));
  if (failures == 0) {
    use_tickets(queue, model);
    use_completions(queue, model);
    refuse_nonsense(queue, model);
    trace(model);
    heddle_queue_counters counters;
    memset(&counters, 0, sizeof(counters));
    counters.struct_size = sizeof(counters);
    OK(heddle_queue_read_counters(queue, NULL, &counters));
    CHECK(counters.asked_ns > 0 && counters.budget > 0);
    CHECK(counters.succeeded == 23 && counters.waiting == 0 && counters.refused_deadline == 1);
    /* The struct of a program that was built before it grew. */
    memset(&counters, 0x7f, sizeof(counters));
    counters.struct_size = offsetof(heddle_queue_counters, largest_batch);
    OK(heddle_queue_read_counters(queue, NULL, &counters));
    CHECK(counters.succeeded == 23 && counters.largest_batch == 0x7f7f7f7f7f7f7f7f);
    OK(heddle_queue_unload(queue, model, 1));
    OK(heddle_queue_drain(queue, 1));
    heddle_ticket* ticket = NULL;
    FAILS(heddle_queue_submit(queue, model, &image, 1, NULL, 0, NULL, &ticket),
          HEDDLE_FAILED_PRECONDITION);
  }
  heddle_queue_free(queue);
  heddle_model_free(model);
  heddle_engine_free(engine);
  printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
