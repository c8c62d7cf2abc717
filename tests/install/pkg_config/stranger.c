/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds a model zeros and adds up its scores:  stranger MODEL VERSION */
#include <heddle/c.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static int fail(heddle_status* status) {
  fprintf(stderr, "stranger: %s: %s\n", heddle_code_name(heddle_status_code(status)),
          heddle_status_message(status));
  heddle_status_free(status);
  return 1;
}

static int run(heddle_model* model) {
  float image[64] = {0}, scores[10], sum = 0;
  heddle_tensor in = {sizeof(in), "image", HEDDLE_FLOAT32, 4, {1, 8, 8, 1}, image, sizeof(image)};
  heddle_outputs* outputs = NULL;
  heddle_status* status = heddle_model_run(model, &in, 1, NULL, 0, NULL, &outputs);
  if (status != NULL) return fail(status);
  heddle_tensor out = {.struct_size = sizeof(out)};
  status = heddle_outputs_get(outputs, 0, &out);
  if (status == NULL && out.bytes == sizeof(scores)) memcpy(scores, out.data, sizeof(scores));
  heddle_outputs_free(outputs);
  if (status != NULL) return fail(status);
  for (int i = 0; i < 10; ++i) sum += scores[i];
  printf("ten scores, their sum %.6f\n", sum);
  return fabsf(sum - 1) < 1e-5f ? 0 : 1;
}

int main(int argc, char** argv) {
  heddle_engine* engine = NULL;
  heddle_model* model = NULL;
  if (argc != 3 || strcmp(heddle_version(), argv[2]) != 0) return 2;
  heddle_status* status = heddle_engine_create(NULL, &engine);
  if (status != NULL) return fail(status);
  status = heddle_model_load(engine, argv[1], NULL, &model);
  if (status != NULL) return fail(status);
  const int result = run(model);
  heddle_model_free(model);
  heddle_engine_free(engine);
  return result;
}
