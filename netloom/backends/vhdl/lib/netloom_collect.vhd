-- Several beats of a stream side by side in one, for designs written by netloom.
--
-- SPDX-License-Identifier: Apache-2.0
--
-- The first of BEATS beats is least significant. The rules are those of `Collect` in core/dataflow.py.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

entity netloom_collect is
  generic (
    BEATS     : positive;
    WIDTH     : positive              -- bits of a beat that goes in
  );
  port (
    clk       : in  std_logic;
    rst       : in  std_logic;
    in_valid  : in  std_logic;
    in_ready  : out std_logic;
    in_data   : in  std_logic_vector(WIDTH - 1 downto 0);
    out_valid : out std_logic;
    out_ready : in  std_logic;
    out_data  : out std_logic_vector(BEATS * WIDTH - 1 downto 0)
  );
end entity netloom_collect;

architecture rtl of netloom_collect is

  signal n     : natural range 0 to BEATS - 1 := 0;
  signal v     : std_logic := '0';
  signal held  : std_logic_vector(BEATS * WIDTH - 1 downto 0);
  signal ready : std_logic;
  signal fire  : std_logic;

begin

  ready     <= not v or out_ready;
  fire      <= in_valid and ready;
  in_ready  <= ready;
  out_valid <= v;
  out_data  <= held;

  control : process (clk)
  begin
    if rising_edge(clk) then
      if rst = '1' then
        n <= 0;
        v <= '0';
      else
        if out_ready = '1' then
          v <= '0';
        end if;
        if fire = '1' then
          if n = BEATS - 1 then
            n <= 0;
            v <= '1';
          else
            n <= n + 1;
          end if;
        end if;
      end if;
    end if;
  end process control;

  one : if BEATS = 1 generate
    hold : process (clk)
    begin
      if rising_edge(clk) then
        if fire = '1' then
          held <= in_data;
        end if;
      end if;
    end process hold;
  end generate one;

  several : if BEATS > 1 generate
    shift : process (clk)
    begin
      if rising_edge(clk) then
        if fire = '1' then
          held <= in_data & held(held'high downto WIDTH);
        end if;
      end if;
    end process shift;
  end generate several;

end architecture rtl;
